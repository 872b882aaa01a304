import { Check, CircleAlert, Clock3 } from 'lucide-react';
import { useState } from 'react';
import type { Contact, Delivery, Message } from '../../core/calls';
import { useCore } from '../../core/context';
import { text } from '../../text/en';
import { codeText, failureText } from '../../text/failure';
import { clock, fullTime } from '../../text/format';
import { Button } from '../../ui/button';
import { say } from '../../ui/toast';
import type_ from '../../ui/type.module.css';
import styles from './bubble.module.css';
import { FileBody } from './file-body';
import { RichText } from './rich-text';

type Props = { message: Message; first: boolean; last: boolean; newest: boolean; peer: Contact };

export function Bubble({ message, first, last, newest, peer }: Props) {
  const { content, mine, delivery } = message;
  const picture = content.kind === 'file' && content.image !== null;
  const classes = [styles.bubble, mine && styles.mine, first && styles.first, last && styles.last, picture && styles.picture];
  return (
    // The ARIA feed pattern focuses its articles.
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <article className={styles.message} tabIndex={newest ? 0 : -1}>
      <div className={classes.filter(Boolean).join(' ')}>
        <span className={type_.hidden}>{mine ? text.conversation.own : peer.displayName}: </span>
        {content.kind === 'text' && <RichText text={content.text} />}
        {content.kind === 'file' && <FileBody message={message} file={content} />}
        <span className={styles.meta}>
          <time dateTime={new Date(message.sentAt).toISOString()} title={fullTime(message.sentAt)}>{clock(message.sentAt)}</time>
          <Tick delivery={delivery} />
        </span>
      </div>
      {delivery.state === 'failed' && <Failed message={message} code={delivery.code} />}
    </article>
  );
}

function Tick({ delivery }: { delivery: Delivery }) {
  const size = { size: 14, strokeWidth: 1.9, role: 'img' } as const;
  switch (delivery.state) {
    case 'received':
      return null;
    case 'queued':
      return <Clock3 {...size} aria-label={text.delivery.queued} />;
    case 'sent':
      return <Check {...size} aria-label={text.delivery.sent} />;
    case 'failed':
      return <CircleAlert {...size} className={styles.alert} aria-label={text.delivery.failed} />;
  }
}

function Failed({ message, code }: { message: Message; code: Extract<Delivery, { state: 'failed' }>['code'] }) {
  const core = useCore();
  const [trying, setTrying] = useState(false);

  const retry = async () => {
    setTrying(true);
    try {
      await core.call('retryMessage', { groupId: message.groupId, messageId: message.messageId });
    } catch (error) {
      say(failureText(error));
    } finally {
      setTrying(false);
    }
  };

  return (
    <div className={styles.failed}>
      <span>{text.delivery.notSent(codeText(code))}</span>
      <Button look="stop" size="small" busy={trying} onClick={() => void retry()}>{text.delivery.retry}</Button>
    </div>
  );
}
