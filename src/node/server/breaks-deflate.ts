/** Safari itself, on the Mac and on iOS; an iPad that poses as a Mac too. */
const SAFARI = / Version\/15\.[0-3](?:\.\d{1,3})? .{0,64}Safari\//;
/** Every other browser on iOS is the same WebKit of the system, and does not say its version: `CPU iPhone OS 15_1`. */
const IOS = / OS 15_[0-3](?:_\d{1,3})? like Mac OS X/;
const MAX_USER_AGENT_LENGTH = 512;

/**
 * Whether this browser's permessage-deflate is broken: Safari 15.0 to 15.3, and all browsers of iOS 15.0 to 15.3. Their
 * WebSocket, then new (`NSURLSession`), does not do what it agrees to about context takeover (RFC 7692 §7.1.1), and
 * fails with a protocol error at the first or second message.
 */
export function breaksDeflate(userAgent: string | undefined): boolean {
  if (userAgent === undefined || userAgent.length > MAX_USER_AGENT_LENGTH) return false;
  return SAFARI.test(userAgent) || IOS.test(userAgent);
}
