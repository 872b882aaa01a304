import { useEffect } from 'react';
import { useChoose, useSettings } from '../../core/context';
import { text } from '../../text/en';
import layout from '../../ui/layout.module.css';
import { Segmented } from '../../ui/segmented';
import type_ from '../../ui/type.module.css';

export function AppearanceSettings() {
  const { appearance } = useSettings();
  const choose = useChoose();
  return (
    <div className={layout.stack}>
      <div className={`${layout.card} ${layout.pad}`}>
        <Segmented
          label={text.appearance.theme}
          value={appearance}
          onChange={(chosen) => choose({ appearance: chosen })}
          options={[{ value: 'system', label: text.appearance.system }, { value: 'light', label: text.appearance.light }, { value: 'dark', label: text.appearance.dark }]}
        />
      </div>
      <p className={`${type_.sm} ${type_.faint}`}>{text.appearance.text}</p>
    </div>
  );
}

/** The choice as an attribute of the root element; the tokens follow its color-scheme. */
export function useAppearance(): void {
  const { appearance } = useSettings();

  useEffect(() => {
    document.documentElement.dataset['appearance'] = appearance;
  }, [appearance]);
}
