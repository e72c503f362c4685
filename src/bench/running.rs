//! Engines that run, so that none outlives this program, however it ends.

use std::collections::BTreeSet;
use std::io;
use std::process::{Child, Command};
use std::sync::{Mutex, MutexGuard, PoisonError};

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

/// The processes by their ids, which on Unix are also those of their groups.
static RUNNING: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

fn running() -> MutexGuard<'static, BTreeSet<u32>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Kills all engines with all that they started, for a process that is about to end. Whoever starts or ends one from
/// now on waits for ever.
pub fn kill_engines() {
    let running = running();
    for &id in &*running {
        kill_family(id);
    }
    std::mem::forget(running);
}

/// A process that is known for as long as this lives, and killed with all that it started when this is dropped.
#[derive(Debug)]
pub(super) struct Family {
    id: u32,
}

impl Family {
    /// Starts a program in a process group of its own: Ctrl-C is for this program, which ends it.
    pub(super) fn start(command: &mut Command) -> io::Result<(Child, Family)> {
        separate(command);
        let mut running = running();
        let child = command.spawn()?;
        running.insert(child.id());
        let family = Family { id: child.id() };
        Ok((child, family))
    }
}

impl Drop for Family {
    fn drop(&mut self) {
        let mut running = running();
        kill_family(self.id);
        running.remove(&self.id);
    }
}

#[cfg(unix)]
fn separate(command: &mut Command) {
    use std::os::unix::process::CommandExt as _;
    command.process_group(0);
    #[cfg(target_os = "linux")]
    {
        let parent = std::process::id();
        let follow = move || {
            // SAFETY: both calls may be made between fork and exec: they take no lock and no memory.
            let orphan = unsafe {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                libc::getppid()
            };
            // This program was killed before the engine could ask to be told.
            if u32::try_from(orphan) == Ok(parent) {
                Ok(())
            } else {
                Err(io::Error::other("its parent has ended"))
            }
        };
        // SAFETY: the closure allocates only to report an error, after which the child ends.
        unsafe { command.pre_exec(follow) };
    }
}

#[cfg(not(unix))]
fn separate(_: &mut Command) {}

/// Kills a process and all that it started, also what is left of it when it has ended: an engine may be behind a
/// script.
fn kill_family(id: u32) {
    kill_descendants(id);
    #[cfg(unix)]
    if let Ok(group) = libc::pid_t::try_from(id) {
        // SAFETY: only a number is handed over. The group is the engine's: ids are not given anew while a group has it.
        unsafe { libc::kill(-group, libc::SIGKILL) };
    }
}

/// A process and all that it started, as far as their parents are still there. `system` has read all processes.
pub(super) fn family(system: &System, id: u32) -> Vec<Pid> {
    let mut family = vec![Pid::from_u32(id)];
    let mut looked_at = 0;
    while let Some(&parent) = family.get(looked_at) {
        let children = system.processes().values();
        family.extend(
            children
                .filter(|other| other.parent() == Some(parent) && other.thread_kind().is_none())
                .map(sysinfo::Process::pid),
        );
        looked_at += 1;
    }
    family
}

/// Those that left the group, as far as their parents are still there.
fn kill_descendants(id: u32) {
    let Ok(mut system) = System::new() else {
        return;
    };
    system.refresh_processes_specifics(ProcessesToUpdate::All, true, ProcessRefreshKind::nothing());
    let own = Pid::from_u32(std::process::id());
    for process in family(&system, id)
        .iter()
        .filter_map(|&member| system.process(member))
    {
        // An id that was given anew is nobody's child.
        if process.pid() != Pid::from_u32(id) || process.parent() == Some(own) {
            process.kill();
        }
    }
}
