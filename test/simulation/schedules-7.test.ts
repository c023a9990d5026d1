import { runSchedules } from "./run-schedules.js";

runSchedules("part 7 of 8");
