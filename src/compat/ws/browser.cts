// hawser/ws in a bundle for browsers, as `ws` has it there: loading it does no harm, using it says what to use instead.
function unavailable(): never {
  throw new Error(
    "hawser/ws does not work in the browser. Browser clients must use the native WebSocket object",
  );
}

export = unavailable;
