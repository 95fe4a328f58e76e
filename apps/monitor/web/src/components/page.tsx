import { useEffect, type ReactNode } from 'react';
import { describeError } from '../live/api-client.js';
import { Icon, type IconName } from './icons.js';

/** A page: its title, what can be done there, and what it shows. */
export function Page({
  title,
  lead,
  actions,
  wide = false,
  children,
}: {
  title: string;
  /** One line below the title. */
  lead?: ReactNode;
  actions?: ReactNode;
  /** Fills the height too, as a table does that scrolls by itself. */
  wide?: boolean;
  children: ReactNode;
}) {
  useEffect(() => {
    document.title = `${title} · Runtime Bridge`;
  }, [title]);
  return (
    <div className={wide ? 'rb-page rb-page-fill' : 'rb-page'}>
      <header className="rb-page-head">
        <div className="rb-page-title">
          <h1 tabIndex={-1}>{title}</h1>
          {lead === undefined ? null : <p className="rb-lead">{lead}</p>}
        </div>
        {actions === undefined ? null : <div className="rb-page-actions">{actions}</div>}
      </header>
      {children}
    </div>
  );
}

/** A part of a page with a heading. */
export function Panel({
  title,
  icon,
  aside,
  children,
  className = '',
}: {
  title: string;
  icon?: IconName;
  /** Beside the heading. */
  aside?: ReactNode;
  children: ReactNode;
  className?: string;
}) {
  return (
    <section className={`rb-panel ${className}`} aria-label={title}>
      <div className="rb-panel-head">
        <h2>
          {icon === undefined ? null : <Icon name={icon} />}
          {title}
        </h2>
        {aside === undefined ? null : <div className="rb-panel-aside">{aside}</div>}
      </div>
      {children}
    </section>
  );
}

/** Named values below each other. */
export function Facts({ children }: { children: ReactNode }) {
  return <dl className="rb-facts">{children}</dl>;
}

/** One of them. */
export function Fact({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** Something that went wrong, with what to do about it. */
export function Trouble({ error, action }: { error: unknown; action?: ReactNode }) {
  const { title, remedy } = describeError(error);
  return (
    <div className="rb-note rb-bad" role="alert">
      <Icon name="errorCircle" />
      <div>
        <strong>{title}</strong>
        {remedy === undefined ? null : <p>{remedy}</p>}
        {action}
      </div>
    </div>
  );
}

/** Something worth knowing. */
export function Note({
  shade = 'info',
  icon = 'info',
  children,
}: {
  shade?: 'info' | 'warn' | 'bad' | 'ok' | 'off';
  icon?: IconName;
  children: ReactNode;
}) {
  return (
    <div className={`rb-note rb-${shade}`}>
      <Icon name={icon} />
      <div>{children}</div>
    </div>
  );
}

/** In place of a list that has nothing in it. */
export function Nothing({
  icon,
  title,
  children,
}: {
  icon: IconName;
  title: string;
  children?: ReactNode;
}) {
  return (
    <div className="rb-nothing">
      <Icon name={icon} size={32} />
      <strong>{title}</strong>
      {children}
    </div>
  );
}
