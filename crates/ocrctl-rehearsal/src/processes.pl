# Writes every argument list and environment that a process of this machine has, each once: one line of
# hexadecimal after the name of its file in /proc. Ends when its standard input does.
use strict;
$| = 1;
my %told;
while (1) {
    for my $file (glob '/proc/[0-9]*/cmdline /proc/[0-9]*/environ') {
        open my $in, '<', $file or next;
        my $text = do { local $/; <$in> };
        next unless defined $text && length $text;
        my ($name) = $file =~ m{([a-z]+)$};
        print "$name ", unpack('H*', $text), "\n" unless $told{"$name $text"}++;
    }
    my $ready = "\1";
    exit if select $ready, undef, undef, 0.1;
}
