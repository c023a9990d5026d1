import { runSchedules } from "./run-schedules.js";

runSchedules("part 6 of 8");
