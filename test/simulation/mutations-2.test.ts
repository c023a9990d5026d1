import { proveMutations } from "./prove-mutations.js";

proveMutations(2, 4);
