// The load tests outside of `test/` need it, too, so it lives there.
export { type TestCertificate, testCertificate } from "#testbed/certificate.js";
