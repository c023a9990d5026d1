import { runSchedules } from "./run-schedules.js";

runSchedules("part 4 of 8");
