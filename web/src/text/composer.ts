import { count } from './format';

/** The words where one writes, and where one can't. */
export const composer = {
  message: (name: string) => `Message ${name}`,
  send: 'Send',
  attach: 'Attach a file',
  tooLong: (over: number) => `${count(over, 'byte', 'bytes')} too long`,
  left: (left: number) => `${count(left, 'byte', 'bytes')} left`,
  drop: (name: string) => `Drop to send to ${name}`,
  dropHint: 'You’ll see it once more before it goes.',
  waiting: (name: string) => `${name}’s key changed. Messages wait until you decide.`,
  listRefused: (name: string) => `The relay gives a wrong list of ${name}’s devices. Messages wait until it’s put right, or you decide.`,
  sendAnyway: 'Send to the devices you know',
  decide: 'Decide',
  ended: (name: string) => `This browser can’t follow your conversation with ${name} any more. What was said stays here.`,
  beginAgain: 'Begin it again',
};
