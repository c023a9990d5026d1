import { runSchedules } from "./run-schedules.js";

runSchedules("part 3 of 8");
