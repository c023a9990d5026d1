import { runSchedules } from "./run-schedules.js";

runSchedules("first quarter");
