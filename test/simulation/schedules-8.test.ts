import { runSchedules } from "./run-schedules.js";

runSchedules("part 8 of 8");
