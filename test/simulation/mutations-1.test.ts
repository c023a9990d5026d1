import { proveMutations } from "./prove-mutations.js";

proveMutations(1, 4);
