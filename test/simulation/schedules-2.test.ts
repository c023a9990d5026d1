import { runSchedules } from "./run-schedules.js";

runSchedules("second quarter");
