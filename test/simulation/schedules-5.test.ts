import { runSchedules } from "./run-schedules.js";

runSchedules("part 5 of 8");
