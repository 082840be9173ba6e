//! How much memory there is for this process.

use std::fs;
use std::path::Path;

/// Where Linux shows control groups (version 2).
const CONTROL_GROUPS: &str = "/sys/fs/cgroup";

/// Bytes that this process may use at most: the machine's memory, or less where a control group that it is in, such as
/// a container's, has a lower limit. `None` where the system does not tell.
pub fn memory_limit() -> Option<u64> {
    let machine = fs::read_to_string("/proc/meminfo").ok();
    let groups = fs::read_to_string("/proc/self/cgroup").ok();
    let machine = machine.and_then(|text| total(&text));
    let group = groups.and_then(|text| lowest_limit(Path::new(CONTROL_GROUPS), &text));
    machine.into_iter().chain(group).min()
}

/// The bytes of the line `MemTotal`, which is in kB, of `/proc/meminfo`.
fn total(meminfo: &str) -> Option<u64> {
    let line = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

/// The lowest `memory.max` of a process's control group and of those that it lies in. `groups` is the process's
/// `/proc/PID/cgroup`, `root` the folder of all groups. Groups without a limit say `max`.
fn lowest_limit(root: &Path, groups: &str) -> Option<u64> {
    let group = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let group = root.join(group);
    let limit = |folder: &Path| {
        let text = fs::read_to_string(folder.join("memory.max")).ok()?;
        text.trim().parse().ok()
    };
    group
        .ancestors()
        .take_while(|folder| folder.starts_with(root))
        .filter_map(limit)
        .min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_tells() {
        let limit = memory_limit().unwrap();
        assert!((64 << 20..1 << 50).contains(&limit), "{limit}");
    }

    #[test]
    fn the_total_is_in_kilobytes() {
        let text = "MemFree:         8 kB\nMemTotal:       24689012 kB\nMemAvailable:   7 kB\n";
        assert_eq!(total(text), Some(24_689_012 * 1024));
        assert_eq!(total("MemFree: 8 kB\n"), None);
        assert_eq!(total("MemTotal: many kB\n"), None);
    }

    #[test]
    fn the_lowest_limit_on_the_way_up_holds() {
        let root = tempfile::tempdir().unwrap();
        let inner = root.path().join("machine/container");
        fs::create_dir_all(&inner).unwrap();
        let limit = || lowest_limit(root.path(), "1:cpu:/other\n0::/machine/container\n");
        assert_eq!(limit(), None);
        fs::write(inner.join("memory.max"), "max\n").unwrap();
        assert_eq!(limit(), None);
        fs::write(inner.join("../memory.max"), "2147483648\n").unwrap();
        assert_eq!(limit(), Some(2 << 30));
        fs::write(inner.join("memory.max"), "1073741824\n").unwrap();
        assert_eq!(limit(), Some(1 << 30));
        // Within a container, which is shown its own group as the root.
        fs::write(root.path().join("memory.max"), "536870912\n").unwrap();
        assert_eq!(lowest_limit(root.path(), "0::/\n"), Some(512 << 20));
        assert_eq!(lowest_limit(root.path(), "4:memory:/old\n"), None);
    }
}
