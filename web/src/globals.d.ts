/** Version of package.json, put in by the build. */
declare const __VERSION__: string;

// Trusted Types, as far as the app uses them; the DOM library of TypeScript doesn't know them yet.
interface TrustedScriptURL {
  readonly trustedScriptURL: unique symbol;
}
interface Window {
  trustedTypes?: {
    createPolicy(
      name: string,
      rules: { createScriptURL(url: string): string },
    ): { createScriptURL(url: string): TrustedScriptURL };
  };
}
