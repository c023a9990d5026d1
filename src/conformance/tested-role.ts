/** Which end of the connection is under test; the suite plays the other one. */
export type TestedRole = "server" | "client";
