# Plays whoever is told: takes HTTP requests and writes one line of JSON each, of its method and its body, which is JSON or
# empty. Paths are not written: there is a secret in them. Arguments: port, file.
use strict;
use IO::Socket::INET;
my ($port, $file) = @ARGV;
my $server = IO::Socket::INET->new(LocalPort => $port, Listen => 20, ReuseAddr => 1) or die "$!";
while (my $client = $server->accept) {
    my ($method) = (<$client> // '') =~ /^([A-Z]+)/ or next;
    my ($length, $body) = (0, '');
    while (my $line = <$client>) {
        $length = $1 if $line =~ /^content-length: *(\d+)/i;
        last if $line =~ /^\r?$/;
    }
    read $client, $body, $length if $length;
    open my $out, '>>', $file or die "$!";
    print $out '{"method":"', $method, '","body":', ($body || 'null'), "}\n";
    close $out;
    print $client "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
    close $client;
}
