import { cleanup } from '@testing-library/react';
import { afterEach, vi } from 'vitest';

// What jsdom lacks of a browser: sizes and media queries. Nothing of the app is replaced.
class NoResize implements ResizeObserver {
  observe(): void {}
  unobserve(): void {}
  disconnect(): void {}
}

vi.stubGlobal('ResizeObserver', NoResize);
window.matchMedia = (query) => ({ matches: query.includes('hover: hover'), media: query, onchange: null, addEventListener() {}, removeEventListener() {}, addListener() {}, removeListener() {}, dispatchEvent: () => false });
Element.prototype.scrollIntoView = () => {};
Element.prototype.scrollTo = () => {};

afterEach(cleanup);
