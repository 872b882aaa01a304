/** Limits of `protocol/src/limits.rs` that a screen has to say before somebody runs into them. */
export type Limits = {
  textMaxBytes: number;
  fileMaxBytes: number;
  displayNameMaxBytes: number;
  handleMaxChars: number;
  passwordMinChars: number;
};
