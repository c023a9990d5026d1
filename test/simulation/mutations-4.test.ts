import { proveMutations } from "./prove-mutations.js";

proveMutations(4, 4);
