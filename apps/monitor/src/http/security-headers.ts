/**
 * Nothing is loaded from elsewhere, run inline or framed.
 * @param nonce lets style elements that carry it be used; it is another one in each answer
 */
export function contentSecurityPolicy(nonce?: string): string {
  const style = nonce === undefined ? "'self'" : `'self' 'nonce-${nonce}'`;
  return (
    `default-src 'none'; script-src 'self'; style-src ${style}; img-src 'self'; font-src 'self'; ` +
    "connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; " +
    "frame-ancestors 'none'"
  );
}

/** Headers of every answer. */
export const SECURITY_HEADERS = {
  'content-security-policy': contentSecurityPolicy(),
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'permissions-policy': 'camera=(), microphone=(), geolocation=()',
} as const;
