import { describe, expect, it } from 'vitest';
import { extension, shownName } from './file-names';

describe('names of files', () => {
  it('can’t be turned around by control characters', () => {
    expect(shownName('photo\u202Egpj.exe')).toBe('photogpj.exe');
    expect(shownName('../../etc/passwd')).toBe('....etcpasswd');
    expect(shownName('\u200F')).toBe('file');
  });

  it('show a short extension or none', () => {
    expect([extension('a.PDF'), extension('a.tar.gz'), extension('a'), extension('a.verylong')]).toEqual(['PDF', 'GZ', null, null]);
  });
});
