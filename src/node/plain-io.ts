/** Whether the ways that Node does not document are left alone: for the tests of the others, and for doubts. */
export const isPlainIo: boolean = process.env["HAWSER_PLAIN_IO"] !== undefined;
