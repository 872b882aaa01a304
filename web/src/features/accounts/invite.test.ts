import { expect, it } from 'vitest';
import { inviteCode } from './invite';

it('an invitation is read from its link and by itself', () => {
  const code = 'BwcHBwcHBwcHBwcHBwcH_-';
  expect(inviteCode(code)).toBe(code);
  expect(inviteCode(` ${code}\n`)).toBe(code);
  expect(inviteCode(`https://chat.example.org/create#invite=${code}`)).toBe(code);
});

it('what is no invitation is none', () => {
  for (const typed of ['', 'hello', 'BwcHBwcHBwcHBwcHBwcH', 'https://chat.example.org/create#invite=', '<BwcHBwcHBwcHBwcHBwcH>']) {
    expect(inviteCode(typed)).toBeNull();
  }
});
