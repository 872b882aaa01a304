import { expect, it } from 'vitest';
import { contactLink, linkedContact } from './contact-link';

const fingerprint = '9f3a41d077c2be150a6e8d44c9135b7f2b90e6d1743c58aa01f7bd926ec834d5';

it('a link reads back as whom it names', () => {
  const link = contactLink('https://chat.example.org', { handle: 'ben.ii', fingerprint });

  expect(link).toBe('https://chat.example.org/add#ben.ii.nzpB0HfCvhUKbo1EyRNbfyuQ5tF0PFiqAfe9km7INNU');
  expect(linkedContact(new URL(link).hash)).toEqual({ handle: 'ben.ii', fingerprint });
});

it('what is no such link names nobody', () => {
  for (const hash of ['', '#', '#ben', '#ben.', `#.${'A'.repeat(43)}`, `#ben.${'A'.repeat(42)}`, `#ben.${'A'.repeat(44)}`, `#ben.${'!'.repeat(43)}`]) {
    expect(linkedContact(hash)).toBeNull();
  }
});
