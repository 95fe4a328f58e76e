import { ActionIcon, Drawer, Loader, Menu, useMantineColorScheme } from '@mantine/core';
import { Suspense, useEffect, useRef, useState } from 'react';
import { Link, Route, Switch, useLocation } from 'wouter';
import { Icon } from '../components/icons.js';
import { Nothing, Page } from '../components/page.js';
import { useNow } from '../components/use-now.js';
import { useFleet } from '../live/fleet-context.js';
import { useSession } from '../live/session-context.js';
import { formatCount } from '../view/format.js';
import { isOpenAlert } from '../view/alerts.js';
import { LinkMark, LostBanner } from './link-mark.js';
import { places, routes } from './routes.js';

/** The frame around every page: the way around, the state of the link, who is there. */
export function Shell() {
  const { model, link } = useFleet();
  const [location] = useLocation();
  const [isMenuOpen, setMenuOpen] = useState(false);
  const main = useRef<HTMLElement>(null);
  const path = location.split('?')[0];
  const lastPath = useRef(path);

  useEffect(() => {
    setMenuOpen(false);
    // A new page is announced by its heading, as after a load.
    if (lastPath.current !== path) {
      main.current?.scrollTo({ top: 0 });
      main.current?.querySelector<HTMLElement>('h1')?.focus({ preventScroll: true });
    }
    lastPath.current = path;
  }, [path]);

  return (
    <div className="rb-shell">
      <a className="rb-skip" href="#main">
        Skip to the page
      </a>
      <nav className="rb-rail" aria-label="Main">
        <Brand />
        <Places />
      </nav>
      <header className="rb-top">
        <div className="rb-top-brand">
          <Brand />
        </div>
        <div className="rb-top-end">
          <LinkMark />
          <ThemeSwitch />
          <UserMenu />
        </div>
      </header>
      <main
        id="main"
        className="rb-main"
        ref={main}
        tabIndex={-1}
        data-stale={link.kind === 'lost' || link.kind === 'over'}
      >
        <LostBanner />
        {model === undefined ? (
          <Waiting />
        ) : (
          <Suspense fallback={<Loader className="rb-page-loader" aria-label="Loading" />}>
            <Switch>
              {routes.map(({ path: pattern, component: Content }) => (
                <Route key={pattern} path={pattern}>
                  <Content />
                </Route>
              ))}
              <Route>
                <Page title="Not found">
                  <Nothing icon="question" title="There is no such page">
                    <Link href="/">To the overview</Link>
                  </Nothing>
                </Page>
              </Route>
            </Switch>
          </Suspense>
        )}
      </main>
      <nav className="rb-tabs" aria-label="Main, short">
        {places.slice(0, 4).map((place) => (
          <Place key={place.path} {...place} />
        ))}
        <button type="button" className="rb-place" onClick={() => setMenuOpen(true)}>
          <Icon name="menu" size={20} />
          <span>More</span>
        </button>
      </nav>
      <Drawer
        opened={isMenuOpen}
        onClose={() => setMenuOpen(false)}
        title="All pages"
        position="bottom"
        size="auto"
        closeButtonProps={{ 'aria-label': 'Close' }}
      >
        <nav className="rb-sheet" aria-label="All pages">
          <Places />
        </nav>
      </Drawer>
    </div>
  );
}

function Brand() {
  return (
    <Link href="/" className="rb-brand">
      <svg viewBox="0 0 16 16" width="22" height="22" aria-hidden="true">
        <path d="M1 12V8a7 7 0 0 1 14 0v4h-2.5V9.5h-2V12h-5V9.5h-2V12z" fill="currentColor" />
      </svg>
      <span>Runtime Bridge</span>
    </Link>
  );
}

function Places() {
  return (
    <ul className="rb-places">
      {places.map((place) => (
        <li key={place.path}>
          <Place {...place} />
        </li>
      ))}
    </ul>
  );
}

function Place({ path, label, icon }: (typeof places)[number]) {
  const [location] = useLocation();
  const isHere = path === '/' ? location === '/' : location.startsWith(path);
  return (
    <Link href={path} className="rb-place" {...(isHere ? { 'aria-current': 'page' as const } : {})}>
      <Icon name={icon} size={20} />
      <span>{label}</span>
      {path === '/alerts' ? <AlertCount /> : null}
    </Link>
  );
}

function AlertCount() {
  const { model } = useFleet();
  const now = useNow(10_000);
  const open = [...(model?.alerts.values() ?? [])].filter((alert) => isOpenAlert(alert, now));
  if (open.length === 0) return null;
  const isGrave = open.some(({ severity }) => severity === 'critical');
  return (
    <span className={`rb-badge ${isGrave ? 'rb-bad' : 'rb-warn'}`}>
      {formatCount(open.length)}
      <span className="rb-hidden"> open</span>
    </span>
  );
}

/** Until the first snapshot is there. */
function Waiting() {
  return (
    <div className="rb-alone" role="status">
      <Loader />
      <p>Asking the monitor for the fleet …</p>
    </div>
  );
}

function ThemeSwitch() {
  const { colorScheme, setColorScheme } = useMantineColorScheme({ keepTransitions: true });
  const label = { light: 'light', dark: 'dark', auto: 'as the system' }[colorScheme];
  return (
    <Menu>
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" size="lg" aria-label={`Colours: ${label}`}>
          <Icon name={colorScheme === 'dark' ? 'moon' : 'sun'} size={20} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        {(['auto', 'light', 'dark'] as const).map((scheme) => (
          <Menu.Item
            key={scheme}
            leftSection={
              <Icon
                name={
                  colorScheme === scheme
                    ? 'check'
                    : scheme === 'dark'
                      ? 'moon'
                      : scheme === 'light'
                        ? 'sun'
                        : 'settings'
                }
              />
            }
            onClick={() => setColorScheme(scheme)}
          >
            {{ light: 'Light', dark: 'Dark', auto: 'As the system' }[scheme]}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

function UserMenu() {
  const { info, isOperator, logOut } = useSession();
  if (!info.loginNeeded || info.user === null) return null;
  return (
    <Menu>
      <Menu.Target>
        <ActionIcon
          variant="subtle"
          color="gray"
          size="lg"
          aria-label={`Logged in as ${info.user.name}, ${info.user.role}`}
        >
          <Icon name="key" size={20} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          {info.user.name} · {isOperator ? 'operator' : 'viewer: may look, not change'}
        </Menu.Label>
        <Menu.Item leftSection={<Icon name="logout" />} onClick={() => void logOut()}>
          Log out
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
