import { describe } from "node:test";
import { memoryBroker } from "hawser/server";
import { brokerContract } from "../contracts/broker-contract.js";

describe("memoryBroker", () => {
  brokerContract(() => {
    const broker = memoryBroker();
    return { publisher: broker, subscriber: broker };
  });
});
