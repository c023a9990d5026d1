// The package `ws` as its dependants here find it: the drop-in, or the module to compare it with.
module.exports = require(process.env.HAWSER_TEST_WS ?? "hawser/ws");
