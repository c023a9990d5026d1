import { runSchedules } from "./run-schedules.js";

runSchedules("part 1 of 8");
