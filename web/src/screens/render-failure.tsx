import { Component } from 'react';
import type { ReactNode } from 'react';
import { text } from '../text/en';
import { Button } from '../ui/button';
import layout from '../ui/layout.module.css';
import { Page } from '../ui/page';
import type_ from '../ui/type.module.css';

type Props = { children: ReactNode };

/** A screen that can't be drawn leaves a page with a way out, not an empty one. The core lives on. */
export class RenderFailure extends Component<Props, { failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError(): { failed: boolean } {
    return { failed: true };
  }

  override render(): ReactNode {
    if (!this.state.failed) return this.props.children;
    return (
      <Page footer={<span>{__VERSION__}</span>}>
        <div className={layout.tight}>
          <h1 className={type_.display}>{text.renderFailure.title}</h1>
          <p className={type_.lead}>{text.renderFailure.lead}</p>
        </div>
        <Button look="go" wide onClick={() => location.reload()}>{text.renderFailure.action}</Button>
      </Page>
    );
  }
}
