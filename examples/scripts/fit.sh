#!/usr/bin/env bash
# Fits a cubic to noisy points by gradient descent in awk: fit.sh RATE EPOCHS [FOLDER]
set -euo pipefail
rate=$1
epochs=$2
folder=${3:-.}

# x runs from -1 to 1; y = x^3 - x/2 plus something that looks like noise.
awk 'BEGIN {
    for (i = 0; i < 400; i++) {
        x = -1 + i / 199.5
        printf "%.8f %.8f\n", x, x^3 - x / 2 + 0.1 * sin(97 * i)
    }
}' > "$folder/points.txt"
echo "0 0 0 0" > "$folder/coefficients.txt"

for ((epoch = 1; epoch <= epochs; epoch++)); do
    read -r a b c d < "$folder/coefficients.txt"
    awk -v a="$a" -v b="$b" -v c="$c" -v d="$d" -v rate="$rate" -v file="$folder/coefficients.txt" -v epoch="$epoch" '
        function value(x) { return a + x * (b + x * (c + x * d)) }
        { x[NR] = $1; y[NR] = $2 }
        END {
            for (pass = 0; pass < 10; pass++) {
                ga = gb = gc = gd = 0
                for (i = 1; i <= NR; i++) {
                    e = 2 * (value(x[i]) - y[i]) / NR
                    ga += e; gb += e * x[i]; gc += e * x[i]^2; gd += e * x[i]^3
                }
                a -= rate * ga; b -= rate * gb; c -= rate * gc; d -= rate * gd
            }
            for (i = 1; i <= NR; i++) sum += (value(x[i]) - y[i])^2
            printf "%.12g %.12g %.12g %.12g\n", a, b, c, d > file
            printf "epoch %d: mse = %.8g\n", epoch, sum / NR
        }' "$folder/points.txt"
done
