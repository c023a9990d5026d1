import { runSchedules } from "./run-schedules.js";

runSchedules("fourth quarter");
