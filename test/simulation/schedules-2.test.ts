import { runSchedules } from "./run-schedules.js";

runSchedules("part 2 of 8");
