/**
 * The one Trusted Types policy of the app (`trusted-types app-url`): it lets through addresses of
 * our own scripts and nothing else.
 */
const createScriptURL = (address: string): string => {
  const url = new URL(address, location.href);
  const ours = url.origin === location.origin && (url.pathname.startsWith('/assets/') || import.meta.env.DEV);
  if (!ours) throw new TypeError('not one of our scripts');
  return url.href;
};

const policy = window.trustedTypes?.createPolicy('app-url', { createScriptURL });

export function trustedScriptUrl(address: string): string | TrustedScriptURL {
  return policy ? policy.createScriptURL(address) : createScriptURL(address);
}
