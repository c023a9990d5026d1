// hawser/conformance: a conformance suite for WebSocket servers and clients of any kind. For Node.

export { CATEGORIES, type ConformanceCase } from "../conformance/conformance-case.js";
export { type CaseSelection, conformanceCases } from "../conformance/conformance-cases.js";
export { buildFrame, type FrameInput } from "../conformance/frame.js";
export { FrameReader, type ReceivedFrame } from "../conformance/frame-reader.js";
export { FuzzingServer, type FuzzingServerOptions } from "../conformance/fuzzing-server.js";
export { htmlReport } from "../conformance/html-report.js";
export { type Outcome, VERDICTS, type Verdict } from "../conformance/outcome.js";
export type { Peer } from "../conformance/peer.js";
export { type CaseResult, type ConformanceReport, countVerdicts } from "../conformance/report.js";
export { writeReportFolder } from "../conformance/report-folder.js";
export { type ConformanceOptions, type TestServerOptions, testServer } from "../conformance/test-server.js";
export type { TestedRole } from "../conformance/tested-role.js";
export type { WireEntry } from "../conformance/wire-record.js";
export type { UsageErrorCode } from "../core/error-codes.js";
export { HawserError, UsageError } from "../core/hawser-error.js";
