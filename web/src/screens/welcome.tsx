import { Info, Link } from 'lucide-react';
import { useLocation } from 'wouter';
import { useCoreState } from '../core/context';
import { linked } from '../features/contacts/contact-link';
import { text } from '../text/en';
import { Button } from '../ui/button';
import { Note } from '../ui/parts';
import layout from '../ui/layout.module.css';
import type_ from '../ui/type.module.css';
import { BeforeSignIn } from './before-sign-in';

export function Welcome() {
  const [, navigate] = useLocation();
  const who = linked((state) => state.who);
  const because = useCoreState(({ phase }) => (phase.phase === 'fresh' ? phase.because : 'new'));
  return (
    <BeforeSignIn>
      <h1 className={type_.display}>{text.welcome.line[0]}<br />{text.welcome.line[1]}</h1>
      <p className={type_.lead}>{text.welcome.lead}</p>
      {because !== 'new' && because !== 'deleted' && <div role="status"><Note look={because === 'revoked' ? 'warn' : 'plain'} icon={<Info size={16} strokeWidth={1.6} aria-hidden />}>{text.welcome[because]}</Note></div>}
      {who && <div role="status"><Note icon={<Link size={16} strokeWidth={1.6} aria-hidden />}>{text.links.welcome(who.handle)}</Note></div>}
      <div className={layout.tight}>
        <Button look="go" wide onClick={() => navigate('/create')}>{text.welcome.create}</Button>
        <Button look="plain" wide onClick={() => navigate('/log-in')}>{text.welcome.logIn}</Button>
      </div>
    </BeforeSignIn>
  );
}
