//! Where a network comes from: files, compressed files, directories, engines, discovery, the embedded network. And
//! what hostile files get: an error, no panic, little memory and time.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use ftperm::files::digest::{hex, net_name, sha256};
use ftperm::nets::source::{
    self, Compression, Engine, LoadedBytes, NetSource, Place, SearchPlaces, SourceError,
};
use ftperm::nets::stockfish::Network;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use tempfile::TempDir;

use crate::common::material;
use crate::common::program::Case;

fn directory() -> TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

fn demo() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| std::fs::read(material::own("datasets/demo.nnue")).unwrap())
}

/// The demo network with another description, so another file of about the same size.
fn described(text: &str) -> Vec<u8> {
    let bytes = demo();
    let old = u32::from_le_bytes(bytes[8..12].try_into().unwrap()) as usize;
    let mut new = bytes[..8].to_vec();
    new.extend((text.len() as u32).to_le_bytes());
    new.extend(text.as_bytes());
    new.extend(&bytes[12 + old..]);
    new
}

fn load(path: impl AsRef<OsStr>) -> Result<LoadedBytes, SourceError> {
    NetSource::parse(Some(path.as_ref())).load()
}

fn error_of(path: impl AsRef<OsStr>) -> String {
    let text = load(path).unwrap_err().to_string();
    assert!(!text.contains('\n'), "{text}");
    text
}

/// Writes a file of a certain age.
fn write_aged(path: &Path, bytes: &[u8], seconds_old: u64) {
    let mut file = File::create(path).unwrap();
    file.write_all(bytes).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(seconds_old))
        .unwrap();
}

#[test]
fn arguments() {
    let parse = |text: &str| NetSource::parse(Some(text.as_ref()));
    let file = |path: &str, number| NetSource::File {
        path: path.into(),
        number,
    };
    assert_eq!(NetSource::parse(None), NetSource::Discover);
    assert_eq!(parse("<autodiscover>"), NetSource::Discover);
    assert_eq!(parse("<embed>"), NetSource::Embedded);
    assert_eq!(parse("-"), NetSource::Stdin);
    assert_eq!(parse("no such/engine#2"), file("no such/engine", Some(2)));
    assert_eq!(parse("no such/engine#x"), file("no such/engine#x", None));
    assert_eq!(parse("#3"), file("#3", None));
    // A file that really has such a name is that file.
    let directory = directory();
    let odd = directory.path().join("net#2");
    std::fs::write(&odd, demo()).unwrap();
    let odd = odd.to_str().unwrap();
    assert_eq!(parse(odd), file(odd, None));
}

#[test]
fn a_plain_file() {
    let path = material::own("datasets/demo.nnue");
    let loaded = load(&path).unwrap();
    assert!(loaded.bytes == demo());
    assert_eq!(loaded.sha256(), sha256(demo()));
    assert_eq!(loaded.origin.to_string(), path.display().to_string());
    assert_eq!(loaded.origin.why, None);
    assert!(error_of("no/such.nnue").contains("no/such.nnue: there is no such file"));
}

#[test]
fn compressed_files_are_recognised_by_content() {
    let directory = directory();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(demo()).unwrap();
    let zstd = zstd::encode_all(demo(), 1).unwrap();
    let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 0);
    xz.write_all(demo()).unwrap();
    let files = [
        (Compression::Gzip, gzip.finish().unwrap()),
        (Compression::Zstd, zstd),
        (Compression::Xz, xz.finish().unwrap()),
    ];
    for (compression, packed) in files {
        let path = directory.path().join("net");
        std::fs::write(&path, &packed).unwrap();
        let loaded = load(&path).unwrap();
        assert!(loaded.bytes == demo());
        assert_eq!(loaded.origin.compression, Some(compression));
        // Cut off, and with a byte changed: all three formats carry checksums (zstd's encoder writes none by default).
        std::fs::write(&path, &packed[..packed.len() / 2]).unwrap();
        let text = error_of(&path);
        assert!(
            text.contains(&format!("damaged {compression} file")),
            "{text}"
        );
        if compression != Compression::Zstd {
            let mut changed = packed.clone();
            changed[packed.len() / 2] ^= 1;
            std::fs::write(&path, &changed).unwrap();
            error_of(&path);
        }
        std::fs::write(&path, &packed[..5]).unwrap();
        error_of(&path);
    }
    // Several members one after the other are one file.
    let (first, second) = demo().split_at(demo().len() / 2);
    let mut both = Vec::new();
    for half in [first, second] {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(half).unwrap();
        both.extend(gzip.finish().unwrap());
    }
    let path = directory.path().join("net.gz");
    std::fs::write(&path, both).unwrap();
    assert!(load(&path).unwrap().bytes == demo());
}

#[test]
fn standard_engines() {
    let Some(engine) = material::stockfish() else {
        return;
    };
    let opened = Engine::open(&engine).unwrap();
    assert_eq!(opened.nets().len(), 1);
    let loaded = load(&engine).unwrap();
    assert_eq!(
        hex(&loaded.sha256()),
        "ad9b423546714137916bd38978af6fd68d7b8951bef25ff76bf43da72d6cb786"
    );
    assert_eq!(loaded.bytes.len(), 47_001_499);
    let inside = loaded.origin.inside.unwrap();
    assert_eq!((inside.number, inside.count), (1, 1));
    let file = std::fs::read(&engine).unwrap();
    let at = inside.offset as usize;
    assert!(file[at..at + loaded.bytes.len()] == loaded.bytes);
    let Some(exported) = material::stockfish_net() else {
        return;
    };
    assert!(std::fs::read(exported).unwrap() == loaded.bytes);
    let text = error_of(format!("{}#2", engine.display()));
    assert!(
        text.contains("no network #2 in it, it holds 1: #1 of 47001499 bytes"),
        "{text}"
    );
}

/// Something between ELF headers and networks.
fn engine_with(nets: &[&[u8]]) -> Vec<u8> {
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let mut filler = || {
        let mut bytes = vec![0; 10_001];
        random.fill_bytes(&mut bytes);
        bytes
    };
    let mut file = b"\x7FELF".to_vec();
    file.extend(filler());
    for net in nets {
        file.extend(*net);
        file.extend(filler());
    }
    file
}

#[test]
fn an_engine_with_two_networks() {
    let directory = directory();
    let path = directory.path().join("engine");
    let small = described("");
    let large = described("this one has a longer description");
    std::fs::write(&path, engine_with(&[&small, &large])).unwrap();
    let number = |number: usize| load(format!("{}#{number}", path.display()));
    assert!(number(1).unwrap().bytes == small);
    assert!(number(2).unwrap().bytes == large);
    let loaded = load(&path).unwrap();
    assert!(loaded.bytes == large);
    assert_eq!(
        loaded.origin.to_string(),
        format!(
            "{}, network #2 of 2 at offset {}",
            path.display(),
            4 + 2 * 10_001 + small.len()
        )
    );
    assert!(
        loaded
            .origin
            .why
            .unwrap()
            .contains("largest of the engine's 2")
    );
    for wrong in [0, 3, usize::MAX] {
        assert!(matches!(
            number(wrong),
            Err(SourceError::NoSuchNet { count: 2, .. })
        ));
    }
    // Compressed, and a network with something behind it.
    std::fs::write(
        &path,
        zstd::encode_all(engine_with(&[&small]).as_slice(), 1).unwrap(),
    )
    .unwrap();
    assert!(load(&path).unwrap().bytes == small);
    let engine = engine_with(&[&small, &large, &small]);
    std::fs::write(&path, &engine).unwrap();
    let written = Engine::open(&path)
        .unwrap()
        .extract(&directory.path().join("out"))
        .unwrap();
    assert_eq!(written.len(), 2);
    for file in &written {
        let name = format!(
            "{}.nnue",
            net_name(&sha256(&std::fs::read(&file.path).unwrap()))
        );
        assert_eq!(file.path.file_name().unwrap(), name.as_str());
    }
    assert_eq!(
        std::fs::read_dir(directory.path().join("out"))
            .unwrap()
            .count(),
        2
    );
    // Cut off inside its only network.
    std::fs::write(&path, &engine[..10_005 + small.len() - 1]).unwrap();
    let text = error_of(&path);
    assert!(
        text.contains("a network begins at offset 10005, but it is damaged or cut off"),
        "{text}"
    );
}

#[test]
fn files_without_a_network() {
    let directory = directory();
    let path = directory.path().join("file");
    let mut random = vec![0; 300_000];
    ChaCha8Rng::seed_from_u64(4).fill_bytes(&mut random);
    let cases: [(&[u8], &str); 11] = [
        (b"", "empty"),
        (b"\x16", "a file of unknown kind"),
        (b"\x1F\x8B\x08", "damaged gzip file"),
        (b"just words\n", "a text file"),
        (&random, "a file of unknown kind"),
        (b"\x7FELF\x02\x01", "an ELF executable"),
        (b"MZ\x90\0", "a Windows executable"),
        (b"PK\x03\x04....", "a zip archive"),
        (b"BINP\0\0\0\0", "a binpack"),
        (
            b"\x99\x2F\xF3\x7A\0\0\0\0",
            "a network of version 0x7AF32F99 at offset 0",
        ),
        (b"\0asm\x01\0\0\0", "a WebAssembly module"),
    ];
    for (bytes, said) in cases {
        std::fs::write(&path, bytes).unwrap();
        let text = error_of(&path);
        assert!(text.starts_with(&format!("{}: ", path.display())), "{text}");
        assert!(text.contains(said), "{text}");
    }
    // A module that is cut off.
    std::fs::write(&path, b"\0asm\x01\0\0\0\x0B\xFF\xFF\xFF\xFF\x0F\x01").unwrap();
    assert!(error_of(&path).contains("damaged WebAssembly module"));
}

#[test]
fn a_truncated_network_is_handed_on_to_the_parser() {
    let directory = directory();
    let path = directory.path().join("cut.nnue");
    std::fs::write(&path, &demo()[..1000]).unwrap();
    let loaded = load(&path).unwrap();
    let error = Network::parse(&loaded.bytes, &Default::default()).unwrap_err();
    assert!(error.to_string().contains("the file at 1000"), "{error}");
}

/// Headers whose hashes belong together, with lengths that no file has.
#[test]
fn thousands_of_false_headers() {
    let mut file = b"\x7FELF".to_vec();
    for number in 0..200_000u32 {
        // A wide first layer, so that its tensors reach past everything.
        let l1 = 16 * (1 + number % 4000) as usize;
        let features = 0x7F23_4CB8 ^ (2 * l1) as u32;
        let stack = ftperm::nets::stockfish::hash::stack_hash(
            l1,
            2 + number as usize % 200,
            1 + number as usize % 250,
        );
        for value in [0x7AF3_2F20, features ^ stack, 0, features] {
            file.extend(value.to_le_bytes());
        }
        // A description as long as the file or 4 GiB: no network follows either.
        if number % 3 == 0 {
            let at = file.len() - 8;
            file[at..at + 4]
                .copy_from_slice(&[number, u32::MAX][number as usize % 2].to_le_bytes());
        }
    }
    let directory = directory();
    let path = directory.path().join("engine");
    std::fs::write(&path, &file).unwrap();
    let started = std::time::Instant::now();
    let text = error_of(&path);
    let took = started.elapsed();
    assert!(text.contains("damaged or cut off"), "{text}");
    assert!(took < Duration::from_secs(60), "{took:?}");
    // With a true network behind them it is found all the same.
    file.extend(demo());
    std::fs::write(&path, &file).unwrap();
    assert!(load(&path).unwrap().bytes == demo());
}

#[test]
fn directories() {
    let directory = directory();
    let root = directory.path();
    assert!(error_of(root).contains("no whole network in this directory"));
    std::fs::write(root.join("README"), "nothing").unwrap();
    std::fs::create_dir(root.join("nn-aaaa.nnue")).unwrap();
    assert!(error_of(root).contains("no whole network in this directory"));
    write_aged(&root.join("old.nnue"), &described("old"), 300);
    write_aged(&root.join("b.nnue"), &described("b"), 100);
    let newest = described("no extension");
    write_aged(&root.join("net"), &newest, 50);
    let loaded = load(root).unwrap();
    assert!(loaded.bytes == newest);
    let why = loaded.origin.why.unwrap();
    assert!(
        why.contains("the newest of 3 networks in the directory"),
        "{why}"
    );
    // A newer one that is cut off is passed over, and that is said.
    write_aged(&root.join("cut.nnue"), &demo()[..demo().len() - 1], 10);
    let loaded = load(root).unwrap();
    assert!(loaded.bytes == newest);
    let why = loaded.origin.why.unwrap();
    assert!(
        why.contains("passed over") && why.contains("cut.nnue"),
        "{why}"
    );
    // A newer compressed one.
    let packed = described("packed");
    write_aged(
        &root.join("z.nnue.zst"),
        &zstd::encode_all(packed.as_slice(), 1).unwrap(),
        5,
    );
    assert!(load(root).unwrap().bytes == packed);
    let number = format!("{}#1", root.display());
    assert!(error_of(number).contains("it is a directory"));
}

#[test]
fn only_a_broken_network_in_the_directory() {
    let directory = directory();
    write_aged(
        &directory.path().join("cut.nnue"),
        &demo()[..demo().len() - 1],
        10,
    );
    let text = error_of(directory.path());
    assert!(text.contains("cut.nnue: begins like a network"), "{text}");
}

/// Everything that a search goes through, in a directory of its own.
struct World {
    directory: TempDir,
    places: SearchPlaces,
}

impl World {
    fn new() -> World {
        let directory = directory();
        let at = |name: &str| {
            let path = directory.path().join(name);
            std::fs::create_dir(&path).unwrap();
            path
        };
        let current = at("current");
        std::fs::create_dir(current.join("nets")).unwrap();
        std::fs::create_dir(current.join("networks")).unwrap();
        let program = at("program").join("ftperm");
        std::fs::write(&program, b"\x7FELF program").unwrap();
        let places = SearchPlaces {
            current: Some(current),
            executable: Some(program),
            user_data: vec![at("user")],
            system_data: vec![at("system"), directory.path().join("missing")],
            path: vec![directory.path().join("missing"), at("bin")],
        };
        World { directory, places }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

#[test]
fn discovery_goes_from_place_to_place() {
    let world = World::new();
    let text = world.places.discover().unwrap_err().to_string();
    assert!(
        text.contains("current") && text.contains("--net") && text.contains("stockfish"),
        "{text}"
    );
    let engine = format!("bin/stockfish{}", std::env::consts::EXE_SUFFIX);
    let (small, large) = (described(""), described("the large one"));
    std::fs::write(world.path(&engine), engine_with(&[&small, &large])).unwrap();
    let found = world.places.discover().unwrap();
    assert!(found.bytes == large);
    let why = found.origin.why.unwrap();
    assert!(
        why.starts_with("the largest of 2 networks in an engine on PATH"),
        "{why}"
    );
    // Each of these goes before all that came so far.
    let steps = [
        ("system/networks/a.nnue", "a data directory of the system"),
        ("system/a.nnue", "a data directory of the system"),
        ("user/networks/a.nnue", "the user's data directory"),
        ("user/a.nnue", "the user's data directory"),
        ("program/networks/a.nnue", "the directory of this program"),
        ("program/a.nnue", "the directory of this program"),
        ("current/networks/a.nnue", "the directory networks"),
        ("current/nets/a.nnue", "the directory nets"),
        ("current/a.nnue", "the current directory"),
    ];
    for (file, place) in steps {
        let bytes = described(file);
        std::fs::create_dir_all(world.path(file).parent().unwrap()).unwrap();
        std::fs::write(world.path(file), &bytes).unwrap();
        let found = world.places.discover().unwrap();
        assert!(found.bytes == bytes, "{file}");
        assert_eq!(
            found.origin.why.unwrap(),
            format!("the only network in {place}")
        );
    }
    let all: Vec<_> = world.places.candidates();
    let paths: Vec<_> = all.iter().map(|it| it.path.clone()).collect();
    let mut expected: Vec<_> = steps
        .iter()
        .rev()
        .map(|(file, _)| world.path(file))
        .collect();
    expected.extend([world.path(&engine), world.path(&engine)]);
    assert_eq!(paths, expected);
    assert_eq!(all[10].net.as_ref().unwrap().number, 2);
    assert!(all[9].load().unwrap().bytes == small);
}

#[test]
fn discovery_takes_the_newest_and_breaks_ties_by_name() {
    let world = World::new();
    let time = SystemTime::now() - Duration::from_secs(1000);
    for (name, older) in [("c.nnue", 0), ("a.nnue", 0), ("b.nnue", 0), ("0.nnue", 500)] {
        let path = world.path("current").join(name);
        std::fs::write(&path, described(name)).unwrap();
        let file = File::options().write(true).open(&path).unwrap();
        file.set_modified(time - Duration::from_secs(older))
            .unwrap();
    }
    let names: Vec<_> = world
        .places
        .candidates()
        .iter()
        .map(|candidate| {
            candidate
                .path
                .file_name()
                .unwrap()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    assert_eq!(names, ["a.nnue", "b.nnue", "c.nnue", "0.nnue"]);
    assert!(world.places.discover().unwrap().bytes == described("a.nnue"));
    // The same directory under two names counts once.
    let mut twice = world.places.clone();
    twice.user_data.push(world.path("current"));
    assert_eq!(twice.candidates().len(), 4);
}

#[test]
fn a_network_is_found_by_its_hash() {
    let world = World::new();
    let named = described("named after its hash");
    let other = described("under another name");
    let inside = described("inside an engine");
    let packed = described("compressed");
    for (file, bytes) in [
        ("user/x.nnue", other.clone()),
        (
            "user/y.nnue.zst",
            zstd::encode_all(packed.as_slice(), 1).unwrap(),
        ),
        ("current/nets/cut.nnue", other[..other.len() - 1].to_vec()),
    ] {
        std::fs::write(world.path(file), bytes).unwrap();
    }
    let name = format!("{}.nnue", net_name(&sha256(&named)));
    std::fs::write(world.path("system").join(name), &named).unwrap();
    let engine = format!("bin/stockfish{}", std::env::consts::EXE_SUFFIX);
    std::fs::write(world.path(&engine), engine_with(&[demo(), &inside])).unwrap();
    for bytes in [&named, &other, &inside, &packed] {
        let found = world.places.find_by_sha256(&sha256(bytes)).unwrap();
        assert!(found.bytes == *bytes);
        assert!(found.origin.why.unwrap().contains("SHA-256"));
    }
    let error = world.places.find_by_sha256(&[7; 32]).unwrap_err();
    assert!(error.to_string().contains("0707070707070707"), "{error}");
}

#[test]
fn a_network_embedded_in_the_program() {
    let world = World::new();
    let program = world.path("program/ftperm");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o751)).unwrap();
    }
    assert!(source::embedded(&program).unwrap().is_none());
    let before = std::fs::read(&program).unwrap();
    let out = world.path("program/with");
    source::embed(&program, demo(), None, &out).unwrap();
    let found = source::embedded(&out).unwrap().unwrap();
    assert!(found.bytes == demo() && found.origin.appended);
    assert_eq!(found.sha256(), sha256(demo()));
    let after = std::fs::read(&out).unwrap();
    assert_eq!(after.len(), before.len() + demo().len() + 56);
    assert!(after.starts_with(&before));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(&out).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o751);
    }
    // Once more replaces it, in place too.
    let other = described("another");
    source::embed(&out, &other, None, &out).unwrap();
    assert!(source::embedded(&out).unwrap().unwrap().bytes == other);
    assert_eq!(
        std::fs::metadata(&out).unwrap().len() as usize,
        before.len() + other.len() + 56
    );
    // Discovery finds it after all files.
    let mut places = world.places.clone();
    places.executable = Some(out.clone());
    let found = places.discover().unwrap();
    assert!(found.bytes == other);
    assert_eq!(
        found.origin.why.unwrap(),
        "the only network in this program"
    );
    assert_eq!(places.candidates()[0].place, Place::Embedded);
    // What is no network is refused, and nothing is written.
    let nothing = world.path("nothing");
    assert!(source::embed(&program, &demo()[1..], None, &nothing).is_err());
    assert!(source::embed(&program, &[demo(), b"x"].concat(), None, &nothing).is_err());
    assert!(!nothing.exists());
    // Damage is noticed; a length that the file has not is an error too.
    let mut bytes = std::fs::read(&out).unwrap();
    let len = bytes.len();
    bytes[before.len() + 100_000] ^= 1;
    std::fs::write(&out, &bytes).unwrap();
    assert!(matches!(
        source::embedded(&out),
        Err(SourceError::EmbeddedDamaged { .. })
    ));
    bytes[len - 56..len - 48].copy_from_slice(&u64::MAX.to_le_bytes());
    std::fs::write(&out, &bytes).unwrap();
    assert!(matches!(
        source::embedded(&out),
        Err(SourceError::EmbeddedDamaged { .. })
    ));
    assert!(world.places.discover().is_err());
}

#[cfg(unix)]
#[test]
fn an_embedded_program_still_runs() {
    let directory = directory();
    let out = directory.path().join("ftperm");
    let program = Path::new(env!("CARGO_BIN_EXE_ftperm"));
    source::embed(program, demo(), None, &out).unwrap();
    // An unknown option or none at all: what matters is that the system starts the file.
    assert!(
        std::process::Command::new(&out)
            .arg("--version")
            .output()
            .is_ok()
    );
    assert!(source::embedded(&out).unwrap().unwrap().bytes == demo());
}

/// A run in which only the folder `home` has the usual places of networks.
fn at_home(program: &Path, home: &Path, arguments: &[&str]) -> Case {
    Case::program(program)
        .folder(home)
        .env("HOME", home)
        .env("XDG_DATA_HOME", home.join("data"))
        .env("XDG_DATA_DIRS", home.join("system"))
        .env("PATH", home.join("bin"))
        .args(arguments)
}

const TRACE: [&str; 4] = [
    "trace",
    "--json",
    "--fen",
    "8/8/8/4k3/8/8/4P3/4K3 w - - 0 1",
];

#[cfg(target_os = "linux")]
#[test]
fn the_word_for_discovery_is_as_no_network() {
    let directory = directory();
    let home = directory.path();
    let program = Path::new(env!("CARGO_BIN_EXE_ftperm"));
    let named = [&TRACE[..], &["--net", "<autodiscover>"]].concat();
    at_home(program, home, &named)
        .ends_with(1)
        .says("no network");
    let inspected = || {
        let report = at_home(program, home, &["inspect", "--json", "<autodiscover>"]);
        report.ok().json()["sha256"].clone()
    };
    // Each of these goes before the one before.
    for folder in ["system/ftperm/networks", "data/ftperm/networks", "networks"] {
        let bytes = described(folder);
        std::fs::create_dir_all(home.join(folder)).unwrap();
        std::fs::write(home.join(folder).join("a.nnue"), &bytes).unwrap();
        assert_eq!(inspected(), hex(&sha256(&bytes)), "{folder}");
    }
    let (with, without) = (
        at_home(program, home, &named).ok(),
        at_home(program, home, &TRACE).ok(),
    );
    assert_eq!(with.stdout, without.stdout);
    with.says("networks/a.nnue");
    // It is stronger than a network that is set elsewhere.
    let set = |arguments: &[&str]| at_home(program, home, arguments).env("FTPERM_NET", "none.nnue");
    set(&TRACE).ends_with(1).says("none.nnue");
    set(&named).ok().says("networks/a.nnue");
}

#[cfg(target_os = "linux")]
#[test]
fn the_word_for_the_embedded_network_is_that_of_the_program() {
    let directory = directory();
    let home = directory.path();
    let program = Path::new(env!("CARGO_BIN_EXE_ftperm"));
    let (inside, other) = (described("inside"), described("another"));
    for folder in ["elsewhere", "networks"] {
        std::fs::create_dir(home.join(folder)).unwrap();
    }
    let file = "elsewhere/inside.nnue";
    std::fs::write(home.join(file), &inside).unwrap();
    std::fs::write(home.join("networks/a.nnue"), &other).unwrap();
    let named = [&TRACE[..], &["--net", "<embed>"]].concat();
    at_home(program, home, &named)
        .ends_with(1)
        .says("no network was embedded");
    at_home(program, home, &["embed", file, "--out", "with"]).ok();
    let with = home.join("with");
    let report = at_home(&with, home, &["inspect", "--json", "<embed>"]);
    assert_eq!(report.ok().json()["sha256"], hex(&sha256(&inside)));
    at_home(&with, home, &named).ok().says("embedded in");
    at_home(&with, home, &["verify", "<embed>", file]).ok();
    // A file goes before it where none is named.
    let report = at_home(&with, home, &["inspect", "--json", "<autodiscover>"]);
    assert_eq!(report.ok().json()["sha256"], hex(&sha256(&other)));
    std::fs::remove_file(home.join("networks/a.nnue")).unwrap();
    at_home(&with, home, &TRACE).ok().says("embedded in");
}

#[test]
fn a_missing_part_is_named() {
    let directory = directory();
    let at = |number: u32| directory.path().join(format!("sf-part-{number}.wasm"));
    std::fs::write(at(0), b"\0asm\x01\0\0\0").unwrap();
    std::fs::write(at(2), b"x").unwrap();
    let text = error_of(directory.path().join("sf.wasm"));
    assert!(text.contains("part 1 of the module is missing"), "{text}");
    // All parts there, but the module ends early.
    std::fs::write(at(1), b"\x0B\x90\x4E\x01").unwrap();
    let text = error_of(at(1));
    assert!(text.contains("damaged WebAssembly module"), "{text}");
}
