/** The words about people who wrote first, and about removing people. */
export const requests = {
  row: 'Wants to write to you',
  note: (name: string) => `${name} isn’t among your contacts. They don’t learn your name, or that you read this, before you answer.`,
  accept: 'Accept',
  block: 'Block',
  remove: 'Remove',
  newMessage: 'Somebody new wrote to you',
  removeTitle: (name: string) => `Remove ${name}?`,
  removeText: (name: string) => `The conversation leaves all your devices, with its files and the mark that you compared numbers. ${name} keeps theirs and isn’t told. What they write next comes as a request.`,
  removeDone: (name: string) => `${name} is removed.`,
};
