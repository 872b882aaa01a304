import { ArrowLeft, Bell, HardDrive, Info, KeyRound, Laptop, LogOut, ShieldCheck, SunMoon, UserRound } from 'lucide-react';
import { useState } from 'react';
import { Link, useLocation } from 'wouter';
import { useCoreState } from '../core/context';
import { DeleteAccount } from '../features/accounts/delete-account';
import { LogOutDialog } from '../features/accounts/log-out-dialog';
import { OwnProfile } from '../features/accounts/own-profile';
import { AuditLogCard } from '../features/audit/audit-log';
import { Fingerprint } from '../features/contacts/fingerprint';
import { DeviceList } from '../features/devices/device-list';
import { FactorForm } from '../features/factors/factor-form';
import { FactorSettings } from '../features/factors/factor-settings';
import { ProofSteps } from '../features/factors/proof-steps';
import { LockSettings } from '../features/lock/lock-settings';
import { NotificationSettings } from '../features/notifications/notification-settings';
import { About } from '../features/settings/about';
import { AppearanceSettings } from '../features/settings/appearance';
import { RelayKnowledge } from '../features/settings/relay-knowledge';
import { SessionList } from '../features/sessions/session-list';
import { StorageSettings } from '../features/settings/storage';
import { OwnLink } from '../features/contacts/own-link';
import { text } from '../text/en';
import { Button, IconButton } from '../ui/button';
import layout from '../ui/layout.module.css';
import type_ from '../ui/type.module.css';
import { useNarrow } from '../ui/use-narrow';
import { Frame } from './frame';
import styles from './screens.module.css';

const pages = [
  { page: 'profile', Icon: UserRound },
  { page: 'devices', Icon: Laptop },
  { page: 'security', Icon: ShieldCheck },
  { page: 'notifications', Icon: Bell },
  { page: 'appearance', Icon: SunMoon },
  { page: 'storage', Icon: HardDrive },
  { page: 'about', Icon: Info },
] as const;
export type SettingsPage = (typeof pages)[number]['page'];

export function isSettingsPage(name: string | undefined): name is SettingsPage {
  return pages.some(({ page }) => page === name);
}

/** `page` null: the menu alone on phones, the first page beside it elsewhere. */
export function Settings({ page }: { page: SettingsPage | null }) {
  const [, navigate] = useLocation();
  const shown = page ?? 'profile';
  const alone = useNarrow() && page === null;
  const Title = page === null ? 'h1' : 'h2';
  return (
    <Frame section="settings" deep={false} columns="settings">
      <div role={alone ? 'main' : undefined} className={styles.menu} data-behind={page !== null || undefined}>
        <nav aria-label={text.settings}>
        <Title className={type_.title}>{text.settings}</Title>
        {pages.map(({ page: name, Icon }) => (
          <Link key={name} href={`/settings/${name}`} aria-current={shown === name ? 'page' : undefined} data-first={page === null || undefined}>
            <Icon size={20} strokeWidth={1.6} aria-hidden />
            {text.settingsPages[name]}
          </Link>
        ))}
        </nav>
      </div>
      <main className={styles.sheet} data-behind={page === null || undefined}>
        <div className={styles.sheetInner}>
          <div className={styles.sheetHead}>
            <IconButton className={styles.onlyPhone} label={text.back} onClick={() => navigate('/settings')}><ArrowLeft size={20} strokeWidth={1.6} aria-hidden /></IconButton>
            <h1 className={type_.title}>{text.settingsPages[shown]}</h1>
          </div>
          <SettingsContent page={shown} />
        </div>
      </main>
    </Frame>
  );
}

function SettingsContent({ page }: { page: SettingsPage }) {
  switch (page) {
    case 'profile':
      return <Profile />;
    case 'devices':
      return <><p className={type_.soft}>{text.devices.lead}</p><DeviceList SecondStep={FactorForm} /></>;
    case 'security':
      return <div className={layout.sections}><LockSettings /><FactorSettings /><SessionList Proof={ProofSteps} /><AuditLogCard /><RelayKnowledge /><DeleteAccount Proof={ProofSteps} /></div>;
    case 'notifications':
      return <NotificationSettings />;
    case 'appearance':
      return <AppearanceSettings />;
    case 'storage':
      return <StorageSettings />;
    case 'about':
      return <About />;
  }
}

function Profile() {
  const profile = useCoreState((state) => state.profile);
  const [, navigate] = useLocation();
  const [leaving, setLeaving] = useState(false);
  if (!profile) return null;
  return (
    <div className={layout.stack}>
      <OwnProfile profile={profile} />
      <div className={`${layout.card} ${layout.pad} ${layout.tight}`}>
        <Fingerprint label={text.contact.ownFingerprint} digits={profile.fingerprint} />
        <p className={`${type_.sm} ${type_.faint}`}>{text.profile.fingerprintText}</p>
      </div>
      <div className={`${layout.card} ${layout.rows}`}>
        <OwnLink profile={profile} />
        <div className={layout.prop}>
          <KeyRound size={20} strokeWidth={1.6} aria-hidden />
          <span className={layout.grow}>{text.profile.recoveryKey}<br /><span className={`${type_.sm} ${type_.faint}`}>{profile.recoveryKeyConfirmed ? text.profile.recoverySaved : text.profile.recoveryMissing}</span></span>
          {!profile.recoveryKeyConfirmed && <Button look="quiet" size="small" onClick={() => navigate('/recovery-key?again')}>{text.recoveryKey.bannerAction}</Button>}
        </div>
        <div className={layout.prop}>
          <LogOut size={20} strokeWidth={1.6} aria-hidden />
          <span className={layout.grow}>{text.profile.signOut}<br /><span className={`${type_.sm} ${type_.faint}`}>{text.profile.signOutHint}</span></span>
          <Button look="stop" size="small" onClick={() => setLeaving(true)}>{text.logOut.short}</Button>
        </div>
      </div>
      {leaving && <LogOutDialog onClose={() => setLeaving(false)} />}
    </div>
  );
}
