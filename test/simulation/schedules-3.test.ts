import { runSchedules } from "./run-schedules.js";

runSchedules("third quarter");
