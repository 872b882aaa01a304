import { LockKeyhole, MessageCircle, Settings as Gear } from 'lucide-react';
import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { useCoreState, useMounted } from '../core/context';
import { lockAllTabs } from '../core/lock';
import { unreadTotal } from '../core/state';
import { text } from '../text/en';
import { Face } from '../ui/face';
import { Mark } from '../ui/mark';
import { Pill } from '../ui/parts';
import type_ from '../ui/type.module.css';
import styles from './frame.module.css';

type Props = { section: 'chats' | 'settings'; /** On phones: a layer over the tabs is open. */ deep: boolean; columns: 'chats' | 'settings'; children: ReactNode };

/** Rail, columns, and on phones the tabs below. */
export function Frame({ section, deep, columns, children }: Props) {
  return (
    <div className={styles.app} data-columns={columns} data-deep={deep || undefined}>
      <Sections className={styles.rail} section={section} place="rail" />
      {children}
      <Sections className={styles.tabs} section={section} place="tabs" />
    </div>
  );
}

function Sections({ className, section, place }: { className: string | undefined; section: Props['section']; place: 'rail' | 'tabs' }) {
  const unread = useCoreState((state) => unreadTotal(state.conversations));
  const profile = useCoreState((state) => state.profile);
  const locks = useCoreState((state) => state.keeping === 'passphrase');
  const mounted = useMounted();
  const label = place === 'rail' ? type_.hidden : undefined;
  return (
    <nav className={className} aria-label={text.sections}>
      {place === 'rail' && <span className={styles.mark}><Mark size={26} /></span>}
      <Link href="/" title={text.chats} aria-current={section === 'chats' ? 'page' : undefined}>
        <MessageCircle size={20} strokeWidth={1.6} aria-hidden />
        <span className={label}>{text.chats}</span>
        <Pill count={unread} label={text.unreadLabel(unread)} />
      </Link>
      {place === 'rail' && locks && (
        <button type="button" className={styles.lock} title={`${text.lock.now} (${text.lock.shortcut})`} aria-label={text.lock.now} onClick={() => void lockAllTabs(mounted)}>
          <LockKeyhole size={20} strokeWidth={1.6} aria-hidden />
        </button>
      )}
      <Link href="/settings" className={styles.end} title={text.settings} aria-current={section === 'settings' ? 'page' : undefined}>
        <Gear size={20} strokeWidth={1.6} aria-hidden />
        <span className={label}>{text.settings}</span>
      </Link>
      {place === 'rail' && profile && (
        <Link href="/settings/profile" className={styles.own} title={profile.displayName} aria-label={text.settingsPages.profile}>
          <Face name={profile.displayName} colour={profile.colour} size="s" />
        </Link>
      )}
    </nav>
  );
}
