import { text } from '../../text/en';
import { groups4 } from '../../text/format';
import { Button } from '../../ui/button';
import layout from '../../ui/layout.module.css';
import { say } from '../../ui/toast';
import type_ from '../../ui/type.module.css';
import styles from './settings.module.css';
import { useBuild } from './use-build';

export function About() {
  const { version, build } = useBuild();

  const copy = async () => {
    await navigator.clipboard.writeText(build ?? '');
    say(text.about.copied);
  };

  return (
    <div className={layout.stack}>
      <dl className={`${layout.card} ${layout.rows} ${styles.facts}`}>
        <div><dt>{text.about.version}</dt><dd>{version}</dd></div>
        {build && <div><dt>{text.about.build}</dt><dd className={type_.digits}>{groups4(build.slice(0, 32))}</dd><dd><Button look="quiet" size="small" onClick={() => void copy()}>{text.about.copy}</Button></dd></div>}
        <div><dt>{text.about.relay}</dt><dd>{location.host}</dd></div>
        <div><dt>{text.about.licence}</dt><dd>{text.about.licenceText}</dd></div>
      </dl>
      <p className={`${type_.sm} ${type_.faint}`}>{text.about.buildText}</p>
    </div>
  );
}

/** The foot of the pages that come before signing in. */
export function BuildLine() {
  const { version, build } = useBuild();
  return <span className={type_.digits} aria-label={text.build.label} role="note">{text.build.line(version, build)}</span>;
}
