# METHOD PATH: asks the host's Docker engine, with standard input as the body, and writes what it answers. The
# `docker` command is in a package of its own on some releases, and nothing of ours needs it.
use strict;
use IO::Socket::UNIX;
my ($method, $path) = @ARGV;
my $body = do { local $/; <STDIN> } // '';
my $socket = IO::Socket::UNIX->new(Peer => '/var/run/docker.sock') or die "no Docker engine: $!\n";
my $length = length $body;
print $socket "$method $path HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: $length\r\n\r\n$body";
my $answer = do { local $/; <$socket> };
my ($head, $content) = split /\r\n\r\n/, $answer, 2;
die "$head\n$content\n" unless $head =~ m{^HTTP/1.\d 2};
print $content;
