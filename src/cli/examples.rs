//! Examples of the commands, for `--help` and the manual pages. A test parses every line of them.

pub const OPTIMIZE: &str = "\
Examples:
  The usual run: writes nn-<sha12>.nnue and nn-<sha12>.perm.txt into the current folder:
    ftperm optimize --net nn.nnue --data train.binpack --count 50000
  On positions as engines meet them in their search, thoroughly:
    ftperm optimize --net nn.nnue --data data/*.binpack --positions search --effort max
  Given names; the same seed gives the same bytes:
    ftperm optimize --net nn.nnue --data games.plain.zst --out best.nnue --perm best.npy --seed 7
  With a page that shows the run in pictures:
    ftperm optimize --net nn.nnue --data train.binpack --report run.html
  And how much faster an engine gets:
    ftperm optimize --net nn.nnue --data train.binpack --bench-engine ./stockfish --bench-runs 10
  For a script: one JSON object on stdout, nothing else:
    ftperm optimize --net nn.nnue --data train.binpack --quiet --json > run.json";

pub const REPORT: &str = "\
Examples:
  A page with pictures of a run that wrote --report run.json:
    ftperm report run.json --out run.html";

pub const GATHER: &str = "\
Examples:
  Which outputs are zero on 200000 positions:
    ftperm gather --net nn.nnue --data train.binpack --count 200000 --out a.planes
  The matrix that ftperm.py gather writes, with its filters:
    ftperm gather --net nn.nnue --data train.binpack --count 10000 --reference-filters --out a.npy
  The network that a checkpoint becomes:
    ftperm gather --checkpoint last.ckpt --data train.binpack --out a.planes";

pub const FIND: &str = "\
Examples:
  An order for what was gathered:
    ftperm find --data a.planes --out best.perm.txt
  On parts that several machines gathered, going on from an earlier order:
    ftperm find --data a.planes b.planes --start best.perm.txt --effort max --out better.perm.txt
  Openings count twice, endings (bucket 0) not at all:
    ftperm find --data a.planes --weight 7=2,0=0 --out openings.perm.txt
  As ftperm.py find_perm: matrix in, .npy out:
    ftperm find_perm --data=a.npy --out=best.perm";

pub const EVAL: &str = "\
Examples:
  Rates before and after, as ftperm.py eval_perm prints them:
    ftperm eval --data a.planes --perm best.perm.txt";

pub const APPLY: &str = "\
Examples:
  Permute a network; --out-sha . is the default:
    ftperm apply best.perm.txt --net nn.nnue --out best.nnue
  Find the network by the SHA-256 that the permutation file records:
    ftperm apply nn-0123456789ab.perm.txt --out-sha nets
  Undo it:
    ftperm apply best.perm.txt --inverse --net best.nnue --out nn.nnue";

pub const VERIFY: &str = "\
Examples:
  Equal raw outputs in all buckets on 2000 positions:
    ftperm verify nn.nnue best.nnue --data train.binpack
  Also the same nodes in an engine's own bench:
    ftperm verify nn.nnue best.nnue --data train.binpack --engine stockfish
  Two networks of Lc0, tensor by tensor; small differences pass:
    ftperm verify maia-1900.pb.gz half.pb.gz --tolerance 0.001";

pub const SERIALIZE: &str = "\
Examples:
  A trainer's checkpoint to a network:
    ftperm serialize last.ckpt nn.nnue
  The same, permuted on the way, named after its contents:
    ftperm serialize last.ckpt . --out-sha --ft-optimize --ft-optimize-data train.binpack
  With a known permutation; options may be spelt as in serialize.py:
    ftperm serialize last.ckpt nn.nnue --ft_perm=best.perm --ft_compression=none
  A network to a state dictionary for PyTorch's load_state_dict:
    ftperm serialize nn.nnue model.pt
  Without the rows that no legal position activates, for a smaller download:
    ftperm serialize nn.nnue smaller.nnue --zero-unreachable
  A network of Lc0 to plain tensors, as lc0 has them after loading:
    ftperm serialize maia-1900.pb.gz maia.safetensors --fold-batch-norm
  The same network in half precision, for lc0 0.33 and later:
    ftperm serialize maia-1900.pb.gz half.pb.gz --encoding float16
  The network of another engine from its trainer's floats:
    ftperm serialize raw.bin nn.net --layout alexandria";

pub const INIT: &str = "\
Examples:
  Today's default network, before its first step:
    ftperm init Full_Threats+PP_3Wide+HalfKAv2_hm^ start.pt --l1 1024
  A small one for a trainer of before 2026, and one with other layers:
    ftperm init HalfKAv2_hm^ small.safetensors --l1 128 --inputs january --seed 7
    ftperm init HalfKAv2_hm^ other.pt --l1 128 --l2 15 --l3 32";

pub const PICTURE: &str = "\
Examples:
  The input weights of two blocks of four neurons:
    ftperm picture nn.nnue --what inputs --neurons 0-7 --out inputs.svg
  What a knight is worth on each square, by bucket:
    ftperm picture nn.nnue --what psqt --out psqt.png
  Histograms of two networks over common axes:
    ftperm picture nn.nnue permuted.nnue --what histograms --out histograms.svg
  The numbers behind a picture:
    ftperm picture nn.nnue --what layers --bucket 0 --json";

pub const INSPECT: &str = "\
Examples:
  What a network is, and how that is known:
    ftperm inspect nn.nnue
  What each part of it costs in bytes:
    ftperm inspect nn.nnue --size
  All its weights in pictures, and how often neurons are zero:
    ftperm inspect nn.nnue --report page.html --data train.binpack
  What two networks differ in:
    ftperm inspect nn.nnue permuted.nnue --report page.html
  Take the networks out of an engine:
    ftperm inspect /usr/games/stockfish --extract nets
  A checkpoint: tensors, feature sets, epoch, what would be clipped:
    ftperm inspect last.ckpt
  Training data: how many positions pass the filters:
    ftperm inspect train.binpack
  A network of Lc0: what it is, and whether this lc0 loads it:
    ftperm inspect maia-1900.pb.gz --lc0-version 0.32.1";

pub const FEATURES: &str = "\
Examples:
  All feature sets, with hashes and rows:
    ftperm features
  Today's default union, and how many of its features no legal position activates:
    ftperm features Full_Threats+PP_3Wide+HalfKAv2_hm^
  What a position switches on, in words:
    ftperm features HalfKAv2_hm --fen '8/8/8/4k3/8/8/4P3/4K3 w - - 0 1'
  What a row of January's trainer is, and which rows are added to it:
    ftperm features HalfKAv2_hm^ --inputs january --index 22500";

pub const TRACE: &str = "\
Examples:
  All buckets, features and zero counts of a position:
    ftperm trace --net nn.nnue --fen '8/8/8/4k3/8/8/4P3/4K3 w - - 0 1'
  One JSON object a position of a file:
    ftperm trace --net nn.nnue --fens positions.txt --json";

pub const NETS: &str = "\
Examples:
  What --net takes if it is not given: the first line:
    ftperm nets
  Which network lc0 takes if none is named, and why not the others:
    ftperm nets --lc0 --engine /usr/games/lc0";

pub const EMBED: &str = "\
Examples:
  A program that carries its network: ./ftperm-with-net inspect '<embed>' shows it:
    ftperm embed nn.nnue --out ftperm-with-net
  An lc0 that carries its network, for its --weights='<built in>':
    ftperm embed maia-1900.pb.gz --into lc0 --out lc0-with-net";

pub const COMPLETIONS: &str = "\
Examples:
  For the shell that this user has, bash, zsh or fish:
    ftperm completions --install
  To look at it, or to put it elsewhere:
    ftperm completions bash > /etc/bash_completion.d/ftperm
  PowerShell:
    New-Item -ItemType Directory -Force (Split-Path $PROFILE)
    ftperm completions powershell >> $PROFILE";

pub const MAN: &str = "\
Examples:
  Then `man ftperm-optimize` works:
    ftperm man ~/.local/share/man/man1";

pub const BATCH: &str = "\
Examples:
  All jobs of a file that are not done yet:
    ftperm batch jobs.toml
  What would be done, and why:
    ftperm batch jobs.toml --dry-run
  Each new network in a folder, with figures for Prometheus:
    ftperm batch jobs.toml --watch nets --metrics ftperm.prom";

pub const CONFIG: &str = "\
Examples:
  What a configuration file and the environment set, for which commands:
    ftperm config
  All options of a command as they would be:
    ftperm config optimize --count 1000";

pub const LAYOUTS: &str = "\
Examples:
  Which engines' networks are known by name:
    ftperm layouts
  One of them as a start for a layout of your own:
    ftperm layouts bullet-multilayer > net.toml";

pub const DEVICES: &str = "\
Examples:
  Numbers and names are what --adapter takes:
    ftperm devices";

pub const BENCH: &str = "\
Examples:
  How much faster the permuted network is, in ten pairs of runs:
    ftperm bench --engine stockfish --base nn.nnue --test best.nnue --runs 10
  Two networks in two builds of an engine in one table, and as a page with a picture:
    ftperm bench --engine ./sf-avx2 ./sf-avx512 --base nn.nnue --test a.nnue b.nnue --report bench.html
  How many pairs a half-width of 0.05 % would take, in a longer bench:
    ftperm bench --engine ./engine --base nn.nnue --test best.nnue --precision 0.05 --bench-args '64 1 15'";

pub const RECORD: &str = "\
Examples:
  Positions as an engine meets them:
    ftperm record --engine stockfish --data train.binpack --count 100000 --out positions.epd
  From longer searches, and only what is likely in one line:
    ftperm record --engine ./engine --data train.binpack --nodes 20000 --multipv 1 --out positions.epd";

pub const SHIMS: &str = "\
Examples:
  For pipelines that call serialize.py and ftperm.py by their names:
    ftperm shims ~/bin
  For those that call python serialize.py:
    ftperm shims scripts --python";

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use crate::cli::Cli;

    /// The words of a line as a shell would pass them; redirections are left out.
    fn words(line: &str) -> Vec<String> {
        let command = line.split(" >").next().unwrap_or(line);
        let mut words = Vec::new();
        for (place, part) in command.split('\'').enumerate() {
            if place % 2 == 1 {
                words.push(part.to_string());
            } else {
                words.extend(part.split_whitespace().map(str::to_string));
            }
        }
        words
    }

    #[test]
    fn every_command_has_examples_and_every_example_parses() {
        for command in Cli::command()
            .get_subcommands()
            .filter(|it| !it.is_hide_set())
        {
            let name = command.get_name();
            let text = command.get_after_help().map(ToString::to_string);
            let text = text.unwrap_or_else(|| panic!("{name} has no examples"));
            let lines: Vec<&str> = text
                .lines()
                .map(str::trim)
                .filter(|line| line.starts_with("ftperm "))
                .collect();
            assert!(!lines.is_empty(), "{name} has no examples");
            for line in lines {
                let parsed = Cli::command().try_get_matches_from(words(line));
                let matches = parsed.unwrap_or_else(|error| panic!("{line}: {error}"));
                assert_eq!(matches.subcommand_name(), Some(name), "{line}");
            }
        }
    }
}
