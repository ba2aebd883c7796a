//! Starts a session. Sources and sockets are opened beside the loop, so that signals and commands
//! are answered from the first moment, however long a camera, a pipe or an address takes.

use super::change::last_id;
use super::error::Error;
use super::figures::say_what_is_sent;
use super::input::OpenedInput;
use super::kept::KeptTracks;
use super::opening::{self, Opened, Order};
use super::parts::{self, open_changes, open_hotplug, open_stats, write_sdp};
use super::reference_clock::ReferenceClock;
use super::registry::{EVENTS_MAX, Event, Registry};
use super::session::Session;
use super::state::Daemon;
use super::watched::Watched;
use crate::beside::{Panicked, Work};
use crate::clock::{Timer, monotonic, unix_offset_nanos};
use crate::notify::Notifier;
use crate::options::StreamOptions;
use crate::publish::identity;
use crate::publish::network::{Network, wait_for_ways};
use crate::serve::{self, listener::Listener, viewings::DESCRIPTORS_MAX};
use crate::settings::{Settings, Wait};
use crate::signals::{Asked, Signals};
use mio::{Events, Poll, Waker};
use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;
use streamsocket_control::overrides::Overrides;
use streamsocket_control::server::Server;
use streamsocket_control::{Answer, Command};
use streamsocket_journal::lines::Lines;
use streamsocket_media::clock::{Monotonic, WallClock};
use streamsocket_net::machine;

/// Opens a session; nothing is sent yet. `options` are for reading the configuration again. `None`
/// if a signal or a command ended it before.
///
/// # Errors
/// One line: what cannot be opened, where, and what to do.
pub fn start(settings: &Settings, options: StreamOptions) -> Result<Option<Daemon>, Error> {
    let signals = Signals::listen()?;
    let name = settings.name.clone().unwrap_or_else(machine::host_name);
    let cname: Arc<str> = identity::cname(&name, &machine::host_name()).into();
    let poll = Poll::new()?;
    let mut registry = Registry::new(poll.registry().try_clone()?);
    let token = registry.token(Event::Woken);
    let waker = Arc::new(Waker::new(registry.inner(), token)?);
    let instance = settings.instance.as_ref().unwrap_or(&name);
    let token = registry.token(Event::Control);
    let control = Server::open(instance, registry.inner(), token).map_err(Error)?;
    let order = Order {
        settings: settings.clone(),
        name: name.clone(),
        cname: Arc::clone(&cname),
        waker: Arc::clone(&waker),
        kept: KeptTracks::default(),
        standard_input: None,
        network: None,
    };
    let (tell, waits) = channel();
    let mut start = Start {
        poll,
        registry,
        waker: Arc::clone(&waker),
        signals,
        control,
        reloads: options.config.is_some(),
        again: false,
        notifier: Notifier::from_environment(),
        waits,
        why: None,
    };
    let work = Work::begin("start", waker, move || ready(&order, &tell))?;
    let Some(ready) = start.wait_for(work)? else {
        log::info!("ended before it began");
        return Ok(None);
    };
    let mut daemon = session(start, ready, settings, options, name, cname)?;
    daemon.watch_all()?;
    say_what_is_sent(&daemon);
    Ok(Some(daemon))
}

fn session(
    start: Start,
    ready: Ready,
    settings: &Settings,
    options: StreamOptions,
    name: String,
    cname: Arc<str>,
) -> Result<Daemon, Error> {
    let Start { poll, registry, waker, signals, control, again, notifier, .. } = start;
    let Ready { network, inputs, sessions, stats, told, listener } = ready;
    let mut server = serve::server::Server::default();
    server.viewings.have_descriptors(machine::have_descriptors(DESCRIPTORS_MAX));
    server.adopt(&settings.serving, listener);
    let kept = KeptTracks::default();
    let began = monotonic();
    let clock = WallClock::new(began, began.0 + unix_offset_nanos());
    let last_id = last_id(sessions.iter().map(|it| &it.description), 0);
    let synchronised = sessions.first().is_some_and(|it| it.description.synchronised);
    let must = settings.wait != Wait::Always;
    let mut daemon = Daemon {
        poll,
        registry,
        timer: Timer::new()?,
        signals,
        wall: ReferenceClock { clock, synchronised },
        name,
        cname,
        began,
        tick: began,
        inputs: inputs.into_iter().map(|input| input.begin(&kept, began)).collect(),
        sessions,
        last_id,
        told,
        hotplug: open_hotplug(),
        changes: open_changes(),
        network,
        watched: Watched::default(),
        control: Some(control),
        server,
        relay: None,
        stats,
        notifier,
        waker,
        settings: settings.clone(),
        options,
        overrides: Overrides::default(),
        paused: false,
        reloading: None,
        reload_again: again,
        stopping: false,
    };
    daemon.follow_relay(must, began);
    Ok(daemon)
}

/// Everything that a session begins with.
struct Ready {
    network: Network,
    inputs: Vec<OpenedInput>,
    sessions: Vec<Session>,
    stats: Option<Lines>,
    /// The description, being written to a pipe.
    told: Option<Lines>,
    /// Where players connect.
    listener: Option<Listener>,
}

/// Opens everything that a session begins with. Sends to `tell` what it is waiting for.
fn ready(order: &Order, tell: &Sender<String>) -> Result<Ready, Error> {
    let settings = &order.settings;
    settings.verify().map_err(|error| Error(error.to_string()))?;
    wait_for_ways(settings, &order.name, |why| {
        // If nobody receives it, the program is about to end.
        let _ = tell.send(why.to_string());
        let _ = order.waker.wake();
    })
    .map_err(|why| Error(why.to_string()))?;
    let Opened { network, mut descriptions, inputs } = opening::open(order)?;
    let listener = serve::server::Server::open(&settings.serving).map_err(Error)?;
    let port = listener.as_ref().map(Listener::port);
    descriptions.iter_mut().for_each(|it| it.rtsp = port);
    if let Some(whole) = descriptions.first() {
        parts::say_what_is_not_announced(settings, whole);
    }
    let sessions = descriptions.into_iter().map(|it| Session::open(it, settings, &network));
    let sessions: Vec<_> = sessions.collect::<Result<_, _>>()?;
    let file = settings.sdp.as_deref().zip(sessions.first());
    let told = file.map(|(path, whole)| write_sdp(path, &whole.sdp)).transpose()?.flatten();
    let stats = settings.stats.as_deref().map(open_stats).transpose()?;
    Ok(Ready { network, inputs, sessions, stats, told, listener })
}

/// The event loop until the session is open.
struct Start {
    poll: Poll,
    registry: Registry,
    waker: Arc<Waker>,
    signals: Signals,
    control: Server,
    /// Whether there is a configuration that SIGHUP reloads.
    reloads: bool,
    /// SIGHUP came before there was a session.
    again: bool,
    notifier: Notifier,
    /// Each new reason for waiting for the network.
    waits: Receiver<String>,
    why: Option<String>,
}

impl Start {
    /// Waits for the session to be opened; `None` if it is to end before.
    fn wait_for(&mut self, mut work: Work<Result<Ready, Error>>) -> Result<Option<Ready>, Error> {
        self.registry.watch(self.signals.descriptor(), Event::Signal)?;
        let mut events = Events::with_capacity(EVENTS_MAX);
        while !self.is_ended() {
            if let Some(ended) = work.take() {
                let panicked = "opening what it sends panicked: this is a bug, please report it";
                return ended.unwrap_or_else(|Panicked| Err(Error(panicked.into()))).map(Some);
            }
            let patience = self.tell_of_wait(monotonic());
            match self.poll.poll(&mut events, patience) {
                Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error.into()),
                _ => {}
            }
        }
        Ok(None)
    }

    /// Tells the service manager what is being waited for: the service counts as up, as without a
    /// camera. Returns the time until the next watchdog ping.
    fn tell_of_wait(&mut self, now: Monotonic) -> Option<Duration> {
        if let Some(why) = self.waits.try_iter().last() {
            if self.why.is_none() {
                self.notifier.ready();
            }
            let line = format!("waiting for the network: {why}");
            self.notifier.status(&line);
            self.why = Some(line);
        }
        self.why.as_ref()?;
        self.notifier.ping(now, true);
        Some(self.notifier.deadline()?.since(now))
    }

    /// Answers commands and signals. True if one of them asks for the end.
    fn is_ended(&mut self) -> bool {
        let mut ended = false;
        while let Some(asked) = self.signals.next() {
            match asked {
                Asked::Reload if self.reloads => self.again = true,
                Asked::Reload | Asked::Stop => ended = true,
            }
        }
        let why = self.why.as_deref().unwrap_or("what it is to send is still being opened");
        self.control.serve(|request| match request.command {
            Command::Stop => {
                ended = true;
                Some(Answer::Stopping(true))
            }
            _ => Some(Answer::Error(format!("it is starting: {why}"))),
        });
        ended
    }
}
