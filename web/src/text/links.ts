/** The words about one's own link, and about links that others gave. */
export const links = {
  own: 'Your link',
  ownHint: 'whoever has it can write to you, and knows it’s you',
  copy: 'Copy link',
  copied: 'Link copied.',
  show: 'Show',
  showOwn: 'Show your link',
  code: 'Your link as a code',
  codeText: 'Their phone’s camera opens it. The link holds your handle and your key’s fingerprint; browsers don’t send that part to any server.',
  title: (handle: string) => `Write to @${handle}?`,
  note: 'The link names their key. If the relay gives another one, no chat is started.',
  welcome: (handle: string) => `@${handle} gave you a link to write to them. Create an account or sign in, and it goes on from there.`,
};
