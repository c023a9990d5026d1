import { proveMutations } from "./prove-mutations.js";

proveMutations(3, 4);
