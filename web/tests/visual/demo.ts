import { contact, message, ScriptedCore } from '../../src/core/scripted';
import type { Script } from '../../src/core/scripted';
import type { ScriptedConversation } from '../../src/core/scripted-conversations';

const day = 86_400_000;

/** One fixed afternoon, so that every picture is the same. */
export const now = Date.parse('2026-03-05T14:40:00');
const at = (clock: string, daysAgo = 0) => Date.parse(`2026-03-05T${clock}:00`) - daysAgo * day;

function bob(): ScriptedConversation {
  const say = (seq: number, clock: string, text: string) => message('bob', seq, at(clock), 'peer', { kind: 'text', text });
  const own = (seq: number, clock: string, text: string) => message('bob', seq, at(clock), 'me', { kind: 'text', text });
  return {
    contact: contact('bob', 'Bob', 2, { state: 'verified', verifiedAt: at('11:00', 2) }),
    readUptoSeq: 9,
    messages: [
      ...Array.from({ length: 90 }, (_, index) => message('bob', index - 100, at('10:00', 2) + index * 60_000, index % 3 ? 'peer' : 'me', { kind: 'text', text: `Older line ${index + 1}` })),
      message('bob', 1, at('11:00', 2), 'notice', { kind: 'notice', notice: 'verified', accountId: 'bob' }),
      say(2, '14:02', 'Morning! Did the survey come back?'),
      say(3, '14:02', 'I need it before I call the yard.'),
      own(4, '14:21', 'Yes, *both parts*. The hull is better than we feared: https://example.org/survey/2026'),
      message('bob', 5, at('14:29'), 'me', { kind: 'file', name: 'Hull survey, part 2.pdf', mimeType: 'application/pdf', sizeBytes: 23_900_000, caption: '', image: null }),
      message('bob', 10, at('14:31'), 'peer', { kind: 'file', name: 'Slip at dawn.jpg', mimeType: 'image/png', sizeBytes: 412_000, caption: 'View from the slip this morning', image: { width: 340, height: 255 } }),
      say(11, '14:32', 'Got it. Reading now.'),
    ],
  };
}

function short(handle: string, name: string, colour: 0 | 1 | 2 | 3 | 4 | 5, last: ScriptedConversation['messages'][number], read = true): ScriptedConversation {
  return { contact: contact(handle, name, colour), messages: [last], readUptoSeq: read ? 99 : 0 };
}

function conversations(): ScriptedConversation[] {
  const dave = short('dave', 'Dave', 1, message('dave', 1, at('13:58'), 'peer', { kind: 'file', name: 'chart.png', mimeType: 'image/png', sizeBytes: 80_000, caption: '', image: { width: 4, height: 3 } }), false);
  dave.contact.trust = { state: 'verified', verifiedAt: at('09:00', 9) };
  const carol = short('carol', 'Carol Singh', 4, message('carol', 1, at('14:10'), 'peer', { kind: 'text', text: 'tide tables for Sunday' }), false);
  carol.messages.push(message('carol', 2, at('14:10'), 'peer', { kind: 'text', text: 'Tide tables for Sunday are in' }));
  return [
    bob(),
    carol,
    dave,
    short('erin', 'Erin', 5, { ...message('erin', null, at('09:15', 1), 'me', { kind: 'text', text: 'Can you sign by Friday?' }), delivery: { state: 'failed', code: 'relayFull' } }),
    short('frank', 'Frank', 3, message('frank', 4, at('19:40', 2), 'me', { kind: 'text', text: 'thanks, that worked' })),
    { contact: contact('grace', 'Grace', 0), readUptoSeq: 99, messages: [
      message('grace', 1, at('12:00', 3), 'notice', { kind: 'notice', notice: 'joinedHere' }),
      message('grace', 2, at('12:01', 3), 'notice', { kind: 'notice', notice: 'deviceAdded', accountId: 'grace' }),
      message('grace', 3, at('12:02', 3), 'notice', { kind: 'notice', notice: 'unreadable', reason: 'epochTooOld' }),
      message('grace', 4, at('12:03', 3), 'notice', { kind: 'notice', notice: 'gap', count: 3 }),
      message('grace', 5, at('12:04', 3), 'peer', { kind: 'text', text: 'Try `cargo xtask run`, then:\n```\nopen http://localhost:8080\n```\n_that is all_' }),
    ] },
  ];
}

const longName = 'Maria-Magdalena Wilhelmina von Hohenstein-Waldburg-Zeil';
const longWord = 'Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft';

/** What strains a layout: long names and words, text from right to left, three hundred messages. */
export function crowded(): ScriptedConversation[] {
  const of = (handle: string) => (seq: number, author: 'peer' | 'me', text: string) => message(handle, seq, at('13:00') + seq * 20_000, author, { kind: 'text', text });
  const long = of('maria');
  const arabic = of('layla');
  const many = of('many');
  const file = (seq: number, author: 'peer' | 'me', name: string, caption: string) => message('maria', seq, at('13:00') + seq * 20_000, author, { kind: 'file', name, mimeType: 'application/pdf', sizeBytes: 1_234_567, caption, image: null });
  return [
    { contact: { ...contact('maria', longName, 4, { state: 'verified', verifiedAt: at('11:00', 2) }), handle: 'maria-magdalena.wilhelmina.1874' }, readUptoSeq: 4, messages: [
      long(1, 'peer', longWord),
      long(2, 'me', `A ${longWord}, and \`${longWord.repeat(2)}\``),
      long(3, 'peer', `https://example.org/${'a-path-that-goes-on/'.repeat(8)}`),
      file(4, 'me', `${longWord} final final (2) really final.pdf`, `Caption: ${longWord}`),
      long(5, 'peer', 'One\n\nTwo\n    indented\n```\nfn main() {\n    println!("a line of code that is longer than any bubble is wide, to be sure");\n}\n```'),
      long(6, 'peer', '👍'),
    ] },
    { contact: contact('layla', 'ليلى الحداد', 5), readUptoSeq: 0, messages: [
      arabic(1, 'peer', 'صباح الخير! هل وصل التقرير؟'),
      arabic(2, 'me', 'نعم، وصل: https://example.org/report (PDF)'),
      arabic(3, 'peer', 'The file is called تقرير.pdf, I think.'),
      arabic(4, 'me', 'שלום, וגם *בעברית*'),
    ] },
    { contact: contact('many', 'Sam', 3), readUptoSeq: 299, messages: Array.from({ length: 300 }, (_, index) => many(index + 1, index % 4 < 2 ? 'peer' : 'me', index % 7 === 0 ? `Line ${index + 1}, a longer one, so that the heights differ: ${'words '.repeat(index % 40)}` : `Line ${index + 1}`)) },
  ];
}

export function demo(script: Partial<Script>): ScriptedCore {
  return new ScriptedCore({ conversations: conversations(), now, ...script });
}
